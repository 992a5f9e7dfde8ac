{% macro as_of_date_text() %}
    {# Read at run time only, so that another date does not make dbt parse anew. #}
    {% if not execute %} {{ return("2000-01-01") }} {% endif %}
    {% set text = env_var("PAR_AS_OF_DATE") %}
    {% if not modules.re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) %}
        {{
            exceptions.raise_compiler_error(
                "PAR_AS_OF_DATE must be a data date like 2024-12-31, not '" ~ text ~ "'."
            )
        }}
    {% endif %}
    {{ return(text) }}
{% endmacro %}

{% macro as_of_date() %} cast('{{ as_of_date_text() }}' as date){% endmacro %}

{% macro as_of_year() %} {{ as_of_date_text()[:4] | int }}{% endmacro %}
