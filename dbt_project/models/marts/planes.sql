select
    tail_number,
    manufacture_year,
    plane_type,
    manufacturer,
    model,
    engines,
    seats,
    engine_type,
    cruising_speed_mph
from {{ ref('stg_planes') }}
