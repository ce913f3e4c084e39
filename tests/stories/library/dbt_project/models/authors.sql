select author_id, name from {{ source('raw', 'library__authors') }}
