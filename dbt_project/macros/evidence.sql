{% macro record_ref(source_name, file_name, relation) %}
    '{{ source_name }}/'
    || cast({{ relation }}.delivery_date as {{ dbt.type_string() }})
    || '/{{ file_name }}#'
    || cast({{ relation }}.row_number as {{ dbt.type_string() }})
{% endmacro %}

{% macro earliest(relation, per, by) %}
    (
        select *
        from
            (
                select
                    *, row_number() over (partition by {{ per | join(", ") }} order by {{ by | join(", ") }}) as place
                from {{ relation }}
            ) as placed
        where place = 1
    )
{% endmacro %}

{% macro latest_link(relation, key, value) %}
    {# The latest link that names something; a later delivery without one does not undo it. #}
    select {{ key }}, {{ value }}
    from
        {{
            earliest(
                "(select * from " ~ relation ~ " where " ~ value ~ " is not null) as named",
                [key],
                ["delivery_date desc", value],
            )
        }} as latest
{% endmacro %}

{% macro cells_of(relation, columns) %}
    map(
        ['{{ columns | join("', '") }}'],
        [
            {% for column in columns %}
                cast({{ relation }}.{{ column }} as varchar) {{ "," if not loop.last }}
            {% endfor %}
        ]
    )
{% endmacro %}
