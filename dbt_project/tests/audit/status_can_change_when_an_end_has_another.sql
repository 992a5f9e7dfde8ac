with
    ended as (
        select
            bound.can_status_change,
            daily.status,
            {% for end in ["low", "high"] %}
                {{
                    indicator_status(
                        "bound.as_of_date",
                        "bound.value_" ~ end,
                        "bound.numerator_" ~ end,
                        "bound.denominator_" ~ end,
                        "daily.target_comparator",
                        "daily.target_value",
                        "daily.target_date",
                    )
                }} as status_{{ end }} {{ "," if not loop.last }}
            {% endfor %}
        from {{ ref("fct_indicator_bound") }} as bound
        inner join
            {{ ref("fct_indicator_daily") }} as daily
            on daily.as_of_date = bound.as_of_date
            and daily.indicator_code = bound.indicator_code
            and daily.org_unit_code = bound.org_unit_code
            and daily.population_group = bound.population_group
        where bound.as_of_date = {{ as_of_date() }}
    )

select *
from ended
where can_status_change <> (status_low <> status or status_high <> status)
