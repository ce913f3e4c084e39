{{ config(severity='warn') }}
-- actual_arrival is computed from the schedule and the delay; where the file has the clock of the arrival, the two should agree.
-- One of 319,809 does not: it says 02:03 on 10 March, an hour that the clocks had left out.
select flights.flight_id, flights.actual_arrival, staged.actual_arrival_clock
from {{ ref('flights') }} as flights
inner join {{ ref('stg_flights') }} as staged
    on flights.flight_date = staged.flight_date and flights.carrier_code = staged.carrier_code
    and flights.flight_number = staged.flight_number and flights.origin_code = staged.origin_code
inner join {{ ref('airports') }} as destination on flights.destination_code = destination.airport_code
where strftime(timezone(destination.time_zone, timezone('UTC', flights.actual_arrival)), '%H%M')
    <> lpad(cast(staged.actual_arrival_clock % 2400 as varchar), 4, '0')
