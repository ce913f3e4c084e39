select branch_id, counted_at, visitors from {{ source('raw', 'library__visits') }}
