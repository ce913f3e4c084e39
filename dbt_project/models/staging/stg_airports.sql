select
    faa as airport_code,
    name,
    lat as latitude,
    lon as longitude,
    alt as altitude_feet,
    tz as utc_offset_hours,
    dst as dst_rule,
    tzone as time_zone
from {{ source('raw', 'nycflights__airports') }}
