select
    customer_id,
    trim(name) as name,
    city,
    joined_on
from {{ source('raw', 'shop__customers') }}
