{% macro get_incremental_replace_date_sql(arg_dict) %}
    {{ return(adapter.dispatch("get_incremental_replace_date_sql")(arg_dict)) }}
{% endmacro %}

{% macro default__get_incremental_replace_date_sql(arg_dict) %}
    {# dbt's own delete+insert deletes the dates found in the new rows: with no new rows the old ones would stay. #}
    delete from {{ arg_dict["target_relation"] }}
    where as_of_date = {{ as_of_date() }}
    ;
    {{ get_insert_into_sql(arg_dict["target_relation"], arg_dict["temp_relation"], arg_dict["dest_columns"]) }}
{% endmacro %}
