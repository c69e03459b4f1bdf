using System.Globalization;

namespace Chasqui.Server;

/// <summary>The keys of the section <c>Resume</c>.</summary>
internal static class ResumeKeys
{
    private const long MostBytes = 1L << 40;

    private static readonly ResumeOptions _default = new();
    private static readonly TimeSpan _hour = TimeSpan.FromHours(1);

    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        Duration("RunOn", _default.RunOn, "How long a generation that can be resumed runs on when its readers have all left.", (resume, time) => resume with { RunOn = time }),
        Duration("KeepFor", _default.KeepFor, "How long it is kept after its end.", (resume, time) => resume with { KeepFor = time }),
        Whole("BufferBytes", _default.BufferBytes, 4 << 10, 256 << 20, "Bytes of an answer that are kept; one that is longer cannot be resumed.", (resume, number) => resume with { BufferBytes = number }),
        Whole("MaxKept", _default.MaxKept, 0, 100_000, "Generations that are kept at once; where there is no room, the one of the same caller goes that ended first, and where none has ended, a request is answered as usual.", (resume, number) => resume with { MaxKept = number }),
        Whole("MaxKeptPerCaller", _default.MaxKeptPerCaller, 0, 100_000, "How many of them one caller may have; callers of one tenant count as one.", (resume, number) => resume with { MaxKeptPerCaller = number }),
        Bytes("MaxBytes", _default.MaxBytes, "Bytes of all answers that are kept; where it is more, ended ones of the same caller go, and where there is none, the answer that grows cannot be resumed any more.", (resume, number) => resume with { MaxBytes = number }),
        Bytes("MaxBytesPerCaller", _default.MaxBytesPerCaller, "Those of one caller; callers of one tenant count as one.", (resume, number) => resume with { MaxBytesPerCaller = number }),
    ];

    private static ConfigurationKey Duration(string name, TimeSpan @default, string meaning, Func<ResumeOptions, TimeSpan, ResumeOptions> apply) =>
        new($"Resume:{name}", false, "string", GoDuration.Format(@default), ConfigurationValues.Expected(TimeSpan.Zero, _hour), meaning,
            (options, values) => ConfigurationValues.Duration(values[0], TimeSpan.Zero, _hour) is { } time ? options with { Resume = apply(options.Resume, time) } : null);

    private static ConfigurationKey Bytes(string name, long @default, string meaning, Func<ResumeOptions, long, ResumeOptions> apply) =>
        new($"Resume:{name}", false, "integer", @default.ToString(CultureInfo.InvariantCulture), FormattableString.Invariant($"a whole number from 0 to {MostBytes}"), meaning,
            (options, values) => ConfigurationValues.Whole(values[0], 0, MostBytes) is { } value ? options with { Resume = apply(options.Resume, value) } : null)
        { Minimum = 0, Maximum = MostBytes };

    private static ConfigurationKey Whole(string name, int @default, int low, int high, string meaning, Func<ResumeOptions, int, ResumeOptions> apply) =>
        new($"Resume:{name}", false, "integer", @default.ToString(CultureInfo.InvariantCulture), FormattableString.Invariant($"a whole number from {low} to {high}"), meaning,
            (options, values) => ConfigurationValues.Whole(values[0], low, high) is { } value ? options with { Resume = apply(options.Resume, (int)value) } : null)
        { Minimum = low, Maximum = high };
}
