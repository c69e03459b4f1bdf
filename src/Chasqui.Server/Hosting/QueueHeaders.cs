using System.Globalization;
using Chasqui.Gateway;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What a client may say of its waiting, and what it is told of it.</summary>
internal static class QueueHeaders
{
    /// <summary>How urgent the request is: <c>interactive</c>, <c>normal</c> or <c>batch</c>.</summary>
    public const string Priority = "X-Chasqui-Priority";

    /// <summary>How long it may wait for a slot, e.g. <c>2s</c>.</summary>
    public const string MaxWait = "X-Chasqui-Max-Wait";

    /// <summary>Asks to be told the place in line while it waits: <c>true</c>.</summary>
    public const string Progress = "X-Chasqui-Queue-Progress";

    /// <summary>Whether another engine may go on with the answer when one fails in the middle: <c>false</c> for an error there.</summary>
    public const string Continue = "X-Chasqui-Continue";

    /// <summary>How long it waited, in seconds.</summary>
    public const string Wait = "X-Chasqui-Queue-Wait";

    /// <summary>The place in line that a refused request would have had, from 1.</summary>
    public const string Position = "X-Chasqui-Queue-Position";

    /// <summary>How long it would have waited there, in seconds.</summary>
    public const string ExpectedWait = "X-Chasqui-Expected-Wait";

    private static readonly TimeSpan _longest = TimeSpan.FromHours(24);

    /// <summary>Reads what the client says.</summary>
    /// <exception cref="InvalidRequestException">It says what cannot be.</exception>
    public static void Read(IHeaderDictionary headers, RequestMeasure measure)
    {
        if (headers.TryGetValue(Priority, out var priority))
        {
            var asked = PriorityOf(priority.ToString())
                ?? throw new InvalidRequestException($"header {Priority} is \"{RequestEntry.Printable(priority.ToString())}\", but must be interactive, normal or batch");
            // One that is more urgent than its key allows is as urgent as that.
            measure.Priority = asked < measure.Caller.MostUrgent ? measure.Caller.MostUrgent : asked;
        }
        if (headers.TryGetValue(Continue, out var goesOn))
        {
            measure.Continues = ConfigurationValues.Switch(goesOn.ToString())
                ?? throw new InvalidRequestException($"header {Continue} is \"{RequestEntry.Printable(goesOn.ToString())}\", but must be true or false");
        }
        if (headers.TryGetValue(MaxWait, out var wait))
        {
            measure.MaxWait = ConfigurationValues.Duration(wait.ToString(), TimeSpan.Zero, _longest)
                ?? throw new InvalidRequestException($"header {MaxWait} is \"{RequestEntry.Printable(wait.ToString())}\", but must be {ConfigurationValues.Expected(TimeSpan.Zero, _longest)}");
        }
    }

    public static bool WantsProgress(HttpRequest request) => request.Headers.TryGetValue(Progress, out var value) && value.ToString() is "true" or "1";

    /// <summary>The place in line as a comment of SSE, which clients pass over that do not look for it.</summary>
    public static byte[] Comment(QueuePlace place) => System.Text.Encoding.UTF8.GetBytes(
        FormattableString.Invariant($": queue position={place.Position} expected={place.ExpectedWait.TotalSeconds:0.#}s waited={place.Waited.TotalSeconds:0.#}s\n\n"));

    /// <summary>Tells how long it waited, if it did.</summary>
    public static void Tell(IHeaderDictionary headers, RequestMeasure? measure)
    {
        if (measure is { QueuePosition: > 0 })
            headers[Wait] = Seconds(measure.QueueWait);
    }

    /// <summary>Tells where in line a refused request would have been.</summary>
    public static void Tell(IHeaderDictionary headers, QueueRefusedException refused)
    {
        headers[Position] = refused.Position.ToString(CultureInfo.InvariantCulture);
        headers[ExpectedWait] = Seconds(refused.ExpectedWait);
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);

    private static PriorityClass? PriorityOf(string value) => value.ToLowerInvariant() switch
    {
        "interactive" => PriorityClass.Interactive,
        "normal" => PriorityClass.Normal,
        "batch" => PriorityClass.Batch,
        _ => null,
    };
}
