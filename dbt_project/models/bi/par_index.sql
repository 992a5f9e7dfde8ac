select index_year, index_name_vi, index_name_en, entity_name_vi, entity_name_en, score, rank, ranked_province_count
from {{ ref("dim_par_index") }}
