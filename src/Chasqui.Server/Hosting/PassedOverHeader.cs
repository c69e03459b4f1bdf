using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Names, in the answer, what of a request an engine could not be told and did not need to be told (<see cref="RequestContext.PassOver"/>).</summary>
internal static class PassedOverHeader
{
    public const string Name = "X-Chasqui-Passed-Over";

    /// <summary>Sees to it that the header is there when the answer begins; what the request's reader has put into it stays.</summary>
    public static void Watch(HttpContext http)
    {
        var state = RequestState.Of(http);
        // A stream that is gone on with has begun, and its headers are sent.
        if (state.TellsPassedOver || http.Response.HasStarted)
            return;
        state.TellsPassedOver = true;
        http.Response.OnStarting(
            static state =>
            {
                Tell((HttpContext)state);
                return Task.CompletedTask;
            },
            http);
    }

    private static void Tell(HttpContext http)
    {
        // Where there is no answer, nothing was passed over for it: what the error names may be what stands here.
        if (http.Response.StatusCode >= StatusCodes.Status400BadRequest || RequestState.Of(http).Measure?.PassedOver is not { Count: > 0 } names)
            return;
        var told = http.Response.Headers[Name].ToString();
        var all = told.Split(", ", StringSplitOptions.RemoveEmptyEntries).Concat(names.Select(Printable)).Distinct(StringComparer.Ordinal);
        http.Response.Headers[Name] = string.Join(", ", all);
    }

    /// <summary>A caller's name as one that fits a header.</summary>
    public static string Printable(string name) => string.Concat(Field.Clip(name)
        .Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' ? c : '?'));
}
