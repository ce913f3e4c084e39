with

scheduled as (
    select
        f.*,
        -- Arrival clocks are those of the destination: without its zone the time cannot be known.
        {{ next_clock_utc('f.scheduled_arrival_clock', 'destination.time_zone', 'f.scheduled_departure_utc') }} as scheduled_arrival_utc
    from {{ ref('stg_flights') }} as f
    left join {{ ref('stg_airports') }} as destination on f.destination_code = destination.airport_code
)

select
    concat_ws('-', flight_date, carrier_code, flight_number, origin_code) as flight_id,
    carrier_code,
    flight_number,
    tail_number,
    origin_code,
    destination_code,
    flight_date,
    concat_ws('-', origin_code, flight_date) as origin_day_id,
    concat_ws('-', origin_code, destination_code) as route_id,
    scheduled_departure_utc as scheduled_departure,
    scheduled_departure_utc + to_minutes(departure_delay_minutes) as actual_departure,
    scheduled_arrival_utc as scheduled_arrival,
    scheduled_arrival_utc + to_minutes(arrival_delay_minutes) as actual_arrival,
    departure_delay_minutes,
    arrival_delay_minutes,
    air_time_minutes,
    distance_miles,
    scheduled_hour,
    cast(month(flight_date) as integer) as scheduled_month,
    cast(isodow(flight_date) as integer) as scheduled_weekday,
    actual_departure_clock is null as is_cancelled
from scheduled
