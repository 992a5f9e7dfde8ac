select
    org_unit_type.value as org_unit_type,
    staff_group.value as staff_group,
    {{ leader_group("org_unit_type.value", "staff_group.value") }} as leader_group,
    {{ is_par_group("staff_group.value") }} as is_par_group
from
    (values ('THANH_PHO'), ('SO_NGANH'), ('UBND_HUYEN'), ('UBND_XA'), ('PHONG'), ('DON_VI_SU_NGHIEP')) as org_unit_type(
        value
    )
cross join (values ('CAN_BO'), ('CONG_CHUC'), ('VIEN_CHUC')) as staff_group(value)
