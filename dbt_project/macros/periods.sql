{% macro happened_by_as_of_date(event_date) %}
    {{ event_date }} between cast('{{ var("scheme_start") }}' as date) and {{ as_of_date() }}
{% endmacro %}

{% macro happened_in_as_of_year(event_date) %}
    (extract(year from {{ event_date }}) = {{ as_of_year() }} and {{ event_date }} <= {{ as_of_date() }})
{% endmacro %}

{% macro is_in_period(day, period_start, period_end) %}
    ({{ period_start }} <= {{ day }} and ({{ period_end }} is null or {{ period_end }} >= {{ day }}))
{% endmacro %}
