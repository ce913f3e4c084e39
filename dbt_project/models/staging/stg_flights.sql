select
    make_date(year, month, day) as flight_date,
    carrier as carrier_code,
    flight as flight_number,
    tailnum as tail_number,
    origin as origin_code,
    dest as destination_code,
    time_hour + to_minutes(minute) as scheduled_departure_utc,
    hour as scheduled_hour,
    sched_dep_time as scheduled_departure_clock,
    dep_time as actual_departure_clock,
    sched_arr_time as scheduled_arrival_clock,
    arr_time as actual_arrival_clock,
    dep_delay as departure_delay_minutes,
    arr_delay as arrival_delay_minutes,
    air_time as air_time_minutes,
    distance as distance_miles
from {{ source('raw', 'nycflights__flights') }}
