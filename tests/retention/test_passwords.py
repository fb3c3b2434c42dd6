"""What the suite makes cheap: the hash of a password, which takes long and much memory on purpose."""

from importlib.util import module_from_spec, spec_from_file_location

from retention import passwords


def test_a_password_is_kept_as_an_argon2_hash_of_64_megabytes_and_three_rounds() -> None:
    spec = spec_from_file_location("passwords_of_the_product", passwords.__file__)
    assert spec
    assert spec.loader
    product = module_from_spec(spec)
    spec.loader.exec_module(product)
    kept = product.hash_password("seven green kettles")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert product._nobody().startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert (product.fits("seven green kettles", kept), product.fits("seven green kettle", kept)) == (True, False)
