select
    carrier_code,
    name
from {{ ref('stg_airlines') }}
