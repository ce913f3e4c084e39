select
    book_id,
    isbn,
    name,
    branch_id,
    cast(price as decimal(12, 2)) as price,
    case when subjects is not null then string_split(subjects, '|') end as subjects,
    struct_pack(width := width_mm, height := height_mm) as dimensions,
    cast(string_split(taste, '|') as float[]) as taste,
    cover,
    access
from {{ source('raw', 'library__books') }}
