select
    carrier as carrier_code,
    name
from {{ source('raw', 'nycflights__airlines') }}
