select branch_id, name, lat, lon, opened_on from {{ source('raw', 'library__branches') }}
