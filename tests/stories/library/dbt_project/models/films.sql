select film_id, name, branch_id, cast(price as decimal(12, 2)) as price, minutes from {{ source('raw', 'library__films') }}
