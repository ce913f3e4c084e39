select loan_id, member_id, book_id, lent_at, returned_at, cast(fee as decimal(8, 2)) as fee from {{ source('raw', 'library__loans') }}
