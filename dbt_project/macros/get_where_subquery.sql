{% macro get_where_subquery(relation) %}
    {# As dbt's own, and `__as_of_date__` in a test's `where` is the data date: a night tests its own rows only. #}
    {% set where = (config.get("where") or "") | replace("__as_of_date__", as_of_date()) %}
    {% if where %} {{ return("(select * from " ~ relation ~ " where " ~ where ~ ") as dbt_subquery") }} {% endif %}
    {{ return(relation) }}
{% endmacro %}
