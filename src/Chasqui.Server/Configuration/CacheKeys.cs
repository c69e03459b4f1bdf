using System.Globalization;
using Chasqui.Gateway;

namespace Chasqui.Server;

/// <summary>The keys of the section <c>Cache</c>.</summary>
internal static class CacheKeys
{
    private const long Least = 1L << 20;
    private const long Most = 1L << 40;

    private static readonly CacheOptions _default = new();
    private static readonly TimeSpan _shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longest = TimeSpan.FromDays(30);

    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new("Cache:Enabled", false, "boolean", "true", "true or false", "Whether answers that are always the same are kept: vectors, and generations with temperature 0 or a seed.",
            (options, values) => ConfigurationValues.Switch(values[0]) is { } on ? options with { Cache = options.Cache with { Enabled = on } } : null)
        { Reloads = true },
        new("Cache:MaxBytes", false, "integer", _default.MaxBytes.ToString(CultureInfo.InvariantCulture), FormattableString.Invariant($"a whole number from {Least} to {Most}"),
            "Bytes of them that are kept in memory; a change empties it.",
            (options, values) => ConfigurationValues.Whole(values[0], Least, Most) is { } bytes ? options with { Cache = options.Cache with { MaxBytes = bytes } } : null)
        { Minimum = Least, Maximum = Most, Reloads = true },
        new("Cache:Lifetime", false, "string", GoDuration.Format(_default.Lifetime), ConfigurationValues.Expected(_shortest, _longest),
            "How long one is kept.",
            (options, values) => ConfigurationValues.Duration(values[0], _shortest, _longest) is { } time ? options with { Cache = options.Cache with { Lifetime = time } } : null)
        { Reloads = true },
        new("Cache:Redis", false, "string", "none", "a connection string such as 127.0.0.1:6379, or empty for none",
            "A Redis that gateways share answers through, beside the memory of each.",
            (options, values) => options with { Cache = options.Cache with { Redis = values[0] } }),
    ];
}
