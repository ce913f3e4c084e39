{% test at_most(model, column_name, value) %}
select {{ column_name }} from {{ model }} where {{ column_name }} > {{ value }}
{% endtest %}

{% test unique_together(model, columns) %}
select {{ columns | join(', ') }}, count(*) as times from {{ model }} group by {{ columns | join(', ') }} having count(*) > 1
{% endtest %}
