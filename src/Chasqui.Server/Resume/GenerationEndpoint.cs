using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary><c>GET /api/generations/ID</c>: an answer from an offset on, in the form of the API that it was asked for in. <c>DELETE</c>: ends it.</summary>
internal static class GenerationEndpoint
{
    public const string Below = "/api/generations/";

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var id = http.Request.Path.Value![Below.Length..];
        var generation = http.RequestServices.GetRequiredService<Generations>().Find(id) ?? throw new GenerationNotFoundException(Field.Clip(id));
        if (HttpMethods.IsDelete(http.Request.Method))
        {
            generation.Cancel();
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        var offset = ResumeHeaders.OffsetOf(http.Request);
        var reader = generation.Join() ?? throw new GenerationNotFoundException(id);
        try
        {
            if (reader.Stream.IsComplete && reader.Stream.Items.Sum(part => (long)part.Body.Length) is var all && offset > all)
                throw new InvalidRequestException(FormattableString.Invariant($"offset is {offset}, but the whole answer has {all} bytes"));
            http.Response.Headers[ResumeHeaders.Generation] = id;
            await Generations.CopyAsync(http, reader, offset).ConfigureAwait(false);
        }
        finally
        {
            generation.Left(reader);
        }
    }
}

/// <summary>There is no such generation, for whoever asks: it never was, was ended, is kept no longer, or has become too long to be kept.</summary>
internal sealed class GenerationNotFoundException(string id) : EngineException($"generation \"{id}\" not found; it is kept for a while after its end, and only when it was asked for with {ResumeHeaders.Resume}: true");
