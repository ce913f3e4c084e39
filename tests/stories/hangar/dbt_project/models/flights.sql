select flight_id, tail_number, departs_at, minutes from {{ source('raw', 'hangar__flights') }}
