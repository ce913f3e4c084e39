select
    route_id,
    origin_code,
    destination_code,
    cast(count(*) as integer) as flights,
    cast(count_if(is_cancelled) as integer) as cancelled,
    median(distance_miles) as distance_miles,
    round(avg(departure_delay_minutes), 2) as average_departure_delay_minutes,
    cast(count(distinct carrier_code) as integer) as carriers
from {{ ref('flights') }}
group by route_id, origin_code, destination_code
