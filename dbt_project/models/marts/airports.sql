select
    airport_code,
    name,
    latitude,
    longitude,
    altitude_feet,
    utc_offset_hours,
    dst_rule,
    time_zone
from {{ ref('stg_airports') }}
