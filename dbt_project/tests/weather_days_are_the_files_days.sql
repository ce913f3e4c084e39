-- The local date is computed from the UTC hour; the file's own year, month and day must say the same.
select weather.airport_code, weather.hour_utc, weather.local_date
from {{ ref('stg_weather') }} as weather
inner join {{ source('raw', 'nycflights__weather') }} as file
    on weather.airport_code = file.origin and weather.hour_utc = file.time_hour
where weather.local_date <> make_date(file.year, file.month, file.day)
