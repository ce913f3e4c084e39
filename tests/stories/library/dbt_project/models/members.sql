select member_id, name, card from {{ source('raw', 'library__members') }}
