using System.Diagnostics;

namespace Chasqui.Gateway.Telemetry;

/// <summary>What the metrics say of a request for a model that has ended: its times and its tokens.</summary>
internal static class RequestFigures
{
    /// <summary>Records them.</summary>
    /// <param name="request">The request.</param>
    /// <param name="began">When it came, as a timestamp.</param>
    /// <param name="firstToken">When its answer began; 0 for never.</param>
    /// <param name="now">When it ended.</param>
    public static void Record(RequestMeasure request, long began, long firstToken, long now)
    {
        var telemetry = request.Telemetry;
        var instruments = telemetry.Instruments;
        if (!instruments.ServerDuration.Enabled && !instruments.Tokens.Enabled)
            return;
        var succeeded = request.Error is null;
        var tags = new TagList
        {
            { TelemetryNames.Operation, request.Operation },
            { TelemetryNames.Provider, TelemetryNames.Self },
            { TelemetryNames.RequestModel, telemetry.Label(request.Model, succeeded) },
        };
        if (request.ResponseModel is { } answering)
            tags.Add(TelemetryNames.ResponseModel, telemetry.Label(answering, succeeded));
        if (succeeded && firstToken != 0)
        {
            instruments.FirstToken.Record(Seconds(began, firstToken), tags);
            if (request.OutputTokens > 1)
                instruments.PerToken.Record(Seconds(firstToken, now) / (request.OutputTokens - 1), tags);
        }

        if (request.InputTokens + request.OutputTokens > 0)
            RecordTokens(request, tags);
        if (!succeeded)
            tags.Add(TelemetryNames.ErrorType, request.Error);
        instruments.ServerDuration.Record(Seconds(began, now), tags);

        double Seconds(long from, long to) => telemetry.Time.GetElapsedTime(from, to).TotalSeconds;
    }

    private static void RecordTokens(RequestMeasure request, TagList tags)
    {
        var tokens = request.Telemetry.Instruments.Tokens;
        tags[1] = new(TelemetryNames.Provider, request.Node?.Provider ?? TelemetryNames.Self);
        tags.Add(TelemetryNames.TokenType, "input");
        tokens.Record(request.InputTokens, tags);
        if (request.Operation == "embeddings")
            return;
        tags[tags.Count - 1] = new(TelemetryNames.TokenType, "output");
        tokens.Record(request.OutputTokens, tags);
    }
}
