using System.Globalization;
using Chasqui.Gateway.Shaping;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Tells callers where they stand with their limits, in the headers of OpenAI's and of Anthropic's API.</summary>
internal static class RateHeaders
{
    /// <summary>Tells it in the headers of the called API; to be called when the answer begins.</summary>
    public static void Write(HttpContext http, TimeProvider time)
    {
        if (RequestState.Of(http).Measure?.Limits is not { } limits)
            return;
        var headers = http.Response.Headers;
        var add = (string name, string value) => { headers[name] = value; };
        if (RequestState.Of(http).Form is AnthropicForm)
            WriteAnthropic(limits.Status(), time.GetUtcNow(), add);
        else
            WriteOpenAi(limits.Status(), add);
    }

    /// <summary><c>x-ratelimit-limit-requests</c> and so on; Ollama's API and MCP, which have none of their own, tell it so too.</summary>
    public static void WriteOpenAi(LimitStatus status, Action<string, string> add)
    {
        Write(status.Requests, "requests");
        Write(status.Tokens, "tokens");

        void Write(LimitFigure? figure, string what)
        {
            if (figure is not { } known)
                return;
            add($"x-ratelimit-limit-{what}", Text(known.Limit));
            add($"x-ratelimit-remaining-{what}", Text(known.Remaining));
            if (known.UntilFull is { } wait)
                add($"x-ratelimit-reset-{what}", Duration(wait));
        }
    }

    /// <summary><c>anthropic-ratelimit-requests-limit</c> and so on, with times in RFC 3339.</summary>
    public static void WriteAnthropic(LimitStatus status, DateTimeOffset now, Action<string, string> add)
    {
        Write(status.Requests, "requests");
        Write(status.Tokens, "tokens");

        void Write(LimitFigure? figure, string what)
        {
            if (figure is not { } known)
                return;
            add($"anthropic-ratelimit-{what}-limit", Text(known.Limit));
            add($"anthropic-ratelimit-{what}-remaining", Text(known.Remaining));
            if (known.UntilFull is { } wait)
                add($"anthropic-ratelimit-{what}-reset", Time(now, wait));
        }
    }

    /// <summary>A duration as OpenAI writes it: <c>12ms</c>, <c>1s</c>, <c>6m0s</c>; never less than it is.</summary>
    internal static string Duration(TimeSpan wait)
    {
        if (wait < TimeSpan.FromSeconds(1))
            return FormattableString.Invariant($"{(int)Math.Ceiling(wait.TotalMilliseconds)}ms");
        var seconds = (long)Math.Ceiling(wait.TotalSeconds);
        return seconds < 60 ? FormattableString.Invariant($"{seconds}s")
            : seconds < 3600 ? FormattableString.Invariant($"{seconds / 60}m{seconds % 60}s")
            : FormattableString.Invariant($"{seconds / 3600}h{seconds / 60 % 60}m{seconds % 60}s");
    }

    private static string Time(DateTimeOffset now, TimeSpan wait)
    {
        var seconds = Math.Ceiling(wait.TotalSeconds);
        // A debt can be of centuries, which no calendar need say.
        var at = now.AddSeconds(Math.Min(seconds, TimeSpan.FromDays(3650).TotalSeconds));
        return at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
