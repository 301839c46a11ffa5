"""What makes a program carry gRPC and what it is made of within itself.

A command that is started anew for each thing somebody wants spends most of a start in the dynamic loader: 57 shared libraries, 16,000 symbols
that are looked up by name. Programs that start once a day gain nothing by it and keep the shared libraries.
"""

_ABSEIL = [
    "bad_optional_access",
    "bad_variant_access",
    "base",
    "city",
    "civil_time",
    "cord",
    "cord_internal",
    "cordz_functions",
    "cordz_handle",
    "cordz_info",
    "debugging_internal",
    "demangle_internal",
    "exponential_biased",
    "graphcycles_internal",
    "hash",
    "hashtablez_sampler",
    "int128",
    "log_severity",
    "low_level_hash",
    "malloc_internal",
    "random_distributions",
    "random_internal_platform",
    "random_internal_pool_urbg",
    "random_internal_randen",
    "random_internal_randen_hwaes",
    "random_internal_randen_hwaes_impl",
    "random_internal_randen_slow",
    "random_internal_seed_material",
    "random_seed_gen_exception",
    "random_seed_sequences",
    "raw_hash_set",
    "raw_logging_internal",
    "spinlock_wait",
    "stacktrace",
    "status",
    "statusor",
    "str_format_internal",
    "strerror",
    "strings",
    "strings_internal",
    "symbolize",
    "synchronization",
    "throw_delegate",
    "time",
    "time_zone",
]

_LIBRARIES = ["grpc++", "grpc", "address_sorting", "re2", "upb", "cares", "gpr", "protobuf", "ssl", "crypto", "z"]

# In a group, since they refer to each other; what they have satisfied, the shared libraries named after them are not needed for.
GRPC_ARCHIVES = (
    ["-Wl,--as-needed", "-Wl,--start-group"] +
    ["-l:lib{}.a".format(name) for name in _LIBRARIES] +
    ["-l:libabsl_{}.a".format(name) for name in _ABSEIL] +
    ["-l:libstdc++.a", "-Wl,--end-group", "-static-libgcc"]
)
