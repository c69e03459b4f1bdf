using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Chasqui.OllamaDouble;

/// <summary>The double's own endpoints, under <c>/double</c>. They are not counted.</summary>
internal sealed class Control(OllamaDouble node)
{
    public async Task AnswerAsync(HttpContext context, string path)
    {
        var cancellation = context.RequestAborted;
        try
        {
            switch (context.Request.Method + " " + path)
            {
                case "GET /state":
                    await SendAsync(context, node.State).ConfigureAwait(false);
                    return;
                case "GET /requests":
                    await SendAsync(context, node.Requests).ConfigureAwait(false);
                    return;
                case "POST /script":
                    node.Script = ScriptJson.Merge(node.Script, Encoding.UTF8.GetString(await Router.ReadAsync(context.Request, cancellation).ConfigureAwait(false)));
                    await SendAsync(context, node.Script).ConfigureAwait(false);
                    return;
                case "GET /script":
                    await SendAsync(context, node.Script).ConfigureAwait(false);
                    return;
                case "POST /reset":
                    node.Reset();
                    return;
                case "POST /refuse":
                    // Answered first: the connection is among those that are cut.
                    var milliseconds = JsonBody.Parse(await Router.ReadAsync(context.Request, cancellation).ConfigureAwait(false)).Number("milliseconds", "refuse", "number") ?? 1000;
                    Check.Range(milliseconds, 0, 3_600_000, "milliseconds");
                    await context.Response.CompleteAsync().ConfigureAwait(false);
                    _ = Task.Run(() => node.RefuseAsync(milliseconds), CancellationToken.None);
                    return;
                default:
                    context.Response.StatusCode = 404;
                    await context.Response.WriteAsync("GET state, requests, script; POST script, reset, refuse {\"milliseconds\"}", cancellation).ConfigureAwait(false);
                    return;
            }
        }
        catch (Exception problem) when (problem is ArgumentException or ApiException)
        {
            context.Response.StatusCode = 400;
            await context.Response.WriteAsync(problem.Message, cancellation).ConfigureAwait(false);
        }
    }

    private static async Task SendAsync<T>(HttpContext context, T value)
    {
        context.Response.ContentType = "application/json";
        await context.Response.BodyWriter.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(value, ScriptJson.Options), context.RequestAborted).ConfigureAwait(false);
    }
}
