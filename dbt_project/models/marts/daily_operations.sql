with

departures as (
    select
        origin_day_id as operation_id,
        origin_code as airport_code,
        flight_date as operation_date,
        count(*) as departures,
        count_if(is_cancelled) as cancelled,
        round(avg(departure_delay_minutes), 2) as average_departure_delay_minutes,
        round(count_if(arrival_delay_minutes > 15) / nullif(count(arrival_delay_minutes), 0), 4) as late_share
    from {{ ref('flights') }}
    group by all
),

-- Hours are told apart by UTC: on the night the clocks go back, 01:00 comes twice and both hours count.
weather as (
    select
        airport_code,
        local_date,
        round(avg(temperature_fahrenheit), 2) as temperature_fahrenheit,
        round(avg(wind_speed_mph), 2) as wind_speed_mph,
        cast(sum(precipitation_inches) as double) as precipitation_inches,
        cast(min(visibility_miles) as double) as visibility_miles,
        count(*) as weather_hours
    from {{ ref('stg_weather') }}
    group by all
)

select
    departures.operation_id,
    departures.airport_code,
    departures.operation_date,
    cast(departures.departures as integer) as departures,
    cast(departures.cancelled as integer) as cancelled,
    departures.average_departure_delay_minutes,
    departures.late_share,
    weather.temperature_fahrenheit,
    weather.wind_speed_mph,
    weather.precipitation_inches,
    weather.visibility_miles,
    cast(coalesce(weather.weather_hours, 0) as integer) as weather_hours
from departures
left join weather
    on departures.airport_code = weather.airport_code and departures.operation_date = weather.local_date
