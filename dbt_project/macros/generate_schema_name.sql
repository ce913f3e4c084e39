{# A model's schema is the one it names (staging, marts), and not dbt's "<target schema>_<name>". #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
