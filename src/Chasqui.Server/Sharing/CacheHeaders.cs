using System.Globalization;
using Chasqui.Gateway.Caching;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What clients may say of the cache, and what they are told of it.</summary>
internal static class CacheHeaders
{
    /// <summary>Tells whether the answer was kept: <c>hit</c> or <c>miss</c>; absent where nothing was looked up.</summary>
    public const string Name = "X-Chasqui-Cache";

    /// <summary>What this request wants; the same object for the whole of it.</summary>
    public static CacheControl Of(HttpContext http)
    {
        var measure = RequestState.Of(http).Measure;
        var control = measure?.Cache ?? CacheControl.Parse(http.Request.Headers.CacheControl.ToString());
        if (measure is not null)
            measure.Cache = control;
        return control;
    }

    public static void Tell(IHeaderDictionary headers, CacheControl? control)
    {
        if (control?.IsHit is not { } hit)
            return;
        headers[Name] = hit ? "hit" : "miss";
        if (hit)
            headers.Age = ((long)control.Age.TotalSeconds).ToString(CultureInfo.InvariantCulture);
    }
}
