using System.Text;
using System.Text.Json;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Chasqui.Cli;

/// <summary>Shows progress: bars on a terminal, a line for each step elsewhere, a line of JSON for each report where that was asked for.</summary>
internal static class ProgressReport
{
    /// <summary>Shows work until its end.</summary>
    public static Task RunAsync(CliConsole console, bool json, IAsyncEnumerable<ModelProgress> progress, CancellationToken cancellationToken) =>
        json ? JsonAsync(console, progress, cancellationToken)
        : console.ErrorIsTerminal ? BarsAsync(console, progress, cancellationToken)
        : LinesAsync(console, progress, cancellationToken);

    private static async Task JsonAsync(CliConsole console, IAsyncEnumerable<ModelProgress> progress, CancellationToken cancellationToken)
    {
        await foreach (var step in progress.WithCancellation(cancellationToken))
        {
            console.Out.WriteLine(Json(step));
            await console.Out.FlushAsync(cancellationToken);
        }
    }

    private static async Task LinesAsync(CliConsole console, IAsyncEnumerable<ModelProgress> progress, CancellationToken cancellationToken)
    {
        var last = "";
        await foreach (var step in progress.WithCancellation(cancellationToken))
        {
            if (step.Status == last)
                continue;
            last = step.Status;
            console.Remark(step.Total is { } total ? $"{step.Status} ({HumanText.Size(total)})" : step.Status);
        }
    }

    private static Task BarsAsync(CliConsole console, IAsyncEnumerable<ModelProgress> progress, CancellationToken cancellationToken) => console.RichError.Progress()
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new KnownOnly(new ProgressBarColumn { Width = 20 }), new KnownOnly(new PercentageColumn()), new KnownOnly(new DownloadedColumn()), new KnownOnly(new RemainingTimeColumn()))
        .StartAsync(async bars =>
        {
            var parts = new Dictionary<string, ProgressTask>(StringComparer.Ordinal);
            ProgressTask? step = null;
            await foreach (var now in progress.WithCancellation(cancellationToken))
            {
                if (now is { Digest: { } digest, Total: > 0 and var total })
                {
                    if (!parts.TryGetValue(digest, out var part))
                        parts[digest] = part = bars.AddTask(Label(now.Status), maxValue: total);
                    part.Value = now.Completed ?? 0;
                    continue;
                }
                step?.StopTask();
                // A step whose size is not known has its name alone.
                step = bars.AddTask(Label(now.Status), maxValue: 1);
                step.IsIndeterminate = true;
            }
            step?.StopTask();
        });

    /// <summary>A column that says nothing of a step whose size is not known.</summary>
    private sealed class KnownOnly(ProgressColumn inner) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            task.IsIndeterminate ? Text.Empty : inner.Render(options, task, deltaTime);

        public override int? GetColumnWidth(RenderOptions options) => inner.GetColumnWidth(options);
    }

    private static string Label(string status) => Markup.Escape(SafeText.OneLine(status.Length <= 30 ? status : status[..30] + "…"));

    private static string Json(ModelProgress step)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("status", step.Status);
            if (step.Digest is { } digest)
                json.WriteString("digest", digest);
            if (step.Total is { } total)
                json.WriteNumber("total", total);
            if (step.Completed is { } completed)
                json.WriteNumber("completed", completed);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }
}
