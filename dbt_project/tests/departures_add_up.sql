-- Every flight is in one route and in one day of operations: the three totals are the same.
with totals as (
    select
        (select count(*) from {{ ref('flights') }}) as flights,
        (select sum(flights) from {{ ref('routes') }}) as routed,
        (select sum(departures) from {{ ref('daily_operations') }}) as operated
)
select * from totals where flights <> routed or flights <> operated
