select book_id, author_id from {{ source('raw', 'library__book_authors') }}
