using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;

namespace Chasqui.Bench.Sched;

/// <summary>One request of an open load.</summary>
/// <param name="At">When it is sent, seconds from the beginning, whatever became of the others.</param>
/// <param name="Model">The model.</param>
/// <param name="Tokens">Tokens that are asked for.</param>
/// <param name="Priority">How urgent it is; null for what is usual.</param>
/// <param name="MaxWait">Seconds that it may wait; null for as long as it takes.</param>
/// <param name="Streams">Whether the answer comes token by token.</param>
internal sealed record Arrival(double At, string Model, int Tokens, string? Priority = null, double? MaxWait = null, bool Streams = false);

/// <summary>What became of it.</summary>
/// <param name="Arrival">The request.</param>
/// <param name="Status">Of the answer; 0 for none.</param>
/// <param name="Seconds">From when it was due to its end.</param>
/// <param name="Waited">Seconds in the gateway's queue, as it says; 0 where it says nothing.</param>
internal sealed record Departure(Arrival Arrival, int Status, double Seconds, double Waited)
{
    public bool IsServed => Status == (int)HttpStatusCode.OK;

    public double EndedAt => Arrival.At + Seconds;
}

/// <summary>Sends requests when they are due, and does not wait for the answers to the earlier ones.</summary>
internal static class OpenLoad
{
    /// <summary>Arrivals at random moments (a Poisson process).</summary>
    public static IEnumerable<Arrival> Poisson(Random random, double rate, double seconds, Func<Arrival, Arrival> change, string model, int tokens)
    {
        for (var at = Next(); at < seconds; at += Next())
            yield return change(new Arrival(at, model, tokens));

        double Next() => -Math.Log(1 - random.NextDouble()) / rate;
    }

    public static async Task<IReadOnlyList<Departure>> RunAsync(HttpClient http, Uri to, IEnumerable<Arrival> arrivals, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var running = new List<Task<Departure>>();
        foreach (var arrival in arrivals.OrderBy(arrival => arrival.At))
        {
            var rest = TimeSpan.FromSeconds(arrival.At) - clock.Elapsed;
            if (rest > TimeSpan.Zero)
                await Task.Delay(rest, cancellationToken).ConfigureAwait(false);
            running.Add(SendAsync(http, to, arrival, clock, cancellationToken));
        }
        return await Task.WhenAll(running).ConfigureAwait(false);
    }

    private static async Task<Departure> SendAsync(HttpClient http, Uri to, Arrival arrival, Stopwatch clock, CancellationToken cancellationToken)
    {
        var body = string.Create(CultureInfo.InvariantCulture,
            $$"""{"model":"{{arrival.Model}}","prompt":"Tell a story.","options":{"num_predict":{{arrival.Tokens}} },"stream":{{(arrival.Streams ? "true" : "false")}}}""");
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(to, "api/generate")) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (arrival.Priority is { } priority)
            request.Headers.Add("X-Chasqui-Priority", priority);
        if (arrival.MaxWait is { } wait)
            request.Headers.Add("X-Chasqui-Max-Wait", wait.ToString(CultureInfo.InvariantCulture) + "s");
        try
        {
            using var answer = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var waited = answer.Headers.TryGetValues("X-Chasqui-Queue-Wait", out var values) ? double.Parse(values.First(), CultureInfo.InvariantCulture) : 0;
            return new Departure(arrival, (int)answer.StatusCode, clock.Elapsed.TotalSeconds - arrival.At, waited);
        }
        catch (HttpRequestException)
        {
            return new Departure(arrival, 0, clock.Elapsed.TotalSeconds - arrival.At, 0);
        }
    }
}
