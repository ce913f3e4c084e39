{#
    Clock times such as 1435 (14:35) or 2400 (the end of the day), which stand in the files without a date or a zone.
#}

{% macro clock_minutes(clock) -%}
    ({{ clock }} // 100 * 60 + {{ clock }} % 100)
{%- endmacro %}

{#
    The UTC time at which the clocks of `zone` first show `clock` after the UTC time `after`; null if any of the three is.
    The date is thus chosen, not read: right for anything that takes less than a day.
#}
{% macro next_clock_utc(clock, zone, after) -%}
    {%- set local_after -%} timezone({{ zone }}, timezone('UTC', {{ after }})) {%- endset -%}
    {%- set same_day -%} (date_trunc('day', {{ local_after }}) + to_minutes({{ clock_minutes(clock) }})) {%- endset -%}
    timezone('UTC', timezone({{ zone }},
        case when {{ same_day }} > {{ local_after }} then {{ same_day }} else {{ same_day }} + interval 1 day end
    ))
{%- endmacro %}
