select customer_id, name, city, joined_on
from {{ ref('stg_customers') }}
