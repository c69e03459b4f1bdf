using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Chasqui.OllamaDouble;

/// <summary>Kestrel's view of the double: no host, no middleware, no logging between socket and router.</summary>
internal sealed class Application(OllamaDouble node) : IHttpApplication<HttpContext>
{
    private readonly Router _router = new(node.Parts);
    private readonly Control _control = new(node);

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public async Task ProcessRequestAsync(HttpContext context)
    {
        if (context.Request.Path.StartsWithSegments("/double", StringComparison.Ordinal, out var rest))
        {
            await _control.AnswerAsync(context, rest.Value ?? "").ConfigureAwait(false);
            return;
        }
        var connection = NodeConnection.Of(context);
        if (connection.Begin())
            context.Response.Headers.Connection = "close";
        await _router.AnswerAsync(context).ConfigureAwait(false);
        connection.End();
    }

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }
}
