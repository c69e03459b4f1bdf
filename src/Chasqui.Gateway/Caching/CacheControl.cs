using System.Globalization;

namespace Chasqui.Gateway.Caching;

/// <summary>What a request wants of the cache (RFC 9111), and what it got of it.</summary>
public sealed class CacheControl
{
    /// <summary>It must not be answered from what is kept.</summary>
    public bool NoCache { get; private set; }

    /// <summary>Nor may its answer be kept.</summary>
    public bool NoStore { get; private set; }

    /// <summary>How old an answer may be; null for any age.</summary>
    public TimeSpan? MaxAge { get; private set; }

    /// <summary>Whether it was answered from what is kept; null where nothing was looked up.</summary>
    public bool? IsHit { get; set; }

    /// <summary>How old the answer is; the oldest part of it.</summary>
    public TimeSpan Age { get; set; }

    /// <summary>Reads the value of the header <c>Cache-Control</c>. What it does not know it passes over.</summary>
    public static CacheControl Parse(string? header)
    {
        var control = new CacheControl();
        foreach (var directive in (header ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (directive.Equals("no-cache", StringComparison.OrdinalIgnoreCase))
                control.NoCache = true;
            else if (directive.Equals("no-store", StringComparison.OrdinalIgnoreCase))
                (control.NoCache, control.NoStore) = (true, true);
            else if (directive.StartsWith("max-age=", StringComparison.OrdinalIgnoreCase)
                && long.TryParse(directive.AsSpan("max-age=".Length).Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
                control.MaxAge = TimeSpan.FromSeconds(Math.Min(seconds, 1L << 31));
        }
        return control;
    }

    /// <summary>Whether an answer of that age will do.</summary>
    public bool Takes(TimeSpan age) => !NoCache && (MaxAge is not { } most || age <= most);
}
