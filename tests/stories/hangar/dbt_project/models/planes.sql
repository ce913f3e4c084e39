select tail_number, manufacturer, model, seats, engine_type, fleet, surveyed_at from {{ source('raw', 'hangar__planes') }}
