-- Exact decimals, because a sum of binary fractions depends on the order in which threads add them.
select
    origin as airport_code,
    time_hour as hour_utc,
    cast(timezone('America/New_York', timezone('UTC', time_hour)) as date) as local_date,
    hour as local_hour,
    cast(temp as decimal(9, 5)) as temperature_fahrenheit,
    cast(dewp as decimal(9, 5)) as dew_point_fahrenheit,
    cast(humid as decimal(9, 5)) as relative_humidity_percent,
    wind_dir as wind_direction_degrees,
    cast(wind_speed as decimal(9, 5)) as wind_speed_mph,
    cast(wind_gust as decimal(9, 5)) as wind_gust_mph,
    cast(precip as decimal(9, 5)) as precipitation_inches,
    cast(pressure as decimal(9, 5)) as pressure_millibars,
    cast(visib as decimal(9, 5)) as visibility_miles
from {{ source('raw', 'nycflights__weather') }}
