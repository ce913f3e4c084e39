select
    order_id,
    customer_id,
    ordered_at,
    amount,
    lower(status) as status
from {{ source('raw', 'shop__orders') }}
