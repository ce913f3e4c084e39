-- actual_departure is computed from the schedule and the delay; the clock of the departure in the file must say the same.
select flights.flight_id, flights.actual_departure, staged.actual_departure_clock
from {{ ref('flights') }} as flights
inner join {{ ref('stg_flights') }} as staged
    on flights.flight_date = staged.flight_date and flights.carrier_code = staged.carrier_code
    and flights.flight_number = staged.flight_number and flights.origin_code = staged.origin_code
where strftime(timezone('America/New_York', timezone('UTC', flights.actual_departure)), '%H%M')
    <> lpad(cast(staged.actual_departure_clock % 2400 as varchar), 4, '0')
