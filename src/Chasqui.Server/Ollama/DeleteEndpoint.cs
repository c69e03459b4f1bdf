using Chasqui.Engines;
using Chasqui.Engines.Models;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>DELETE /api/delete</c>: removes a model. One in memory stays there.</summary>
internal static class DeleteEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = new TransferFields();
        using (var body = await api.ReadBodyAsync(http).ConfigureAwait(false))
            fields.Read(body.Root);
        var model = fields.Model;
        RequestState.Of(http).Model = model;
        if (model.Length == 0)
            throw new InvalidRequestException("model is required");
        if (!ModelName.TryParse(model, out _))
            throw new InvalidRequestException($"name {GoQuote.Quote(model.Length <= 200 ? model : model[..200] + "…")} is invalid");
        await ManagerOf.Request(api, http).DeleteAsync(model, http.RequestAborted).ConfigureAwait(false);
        http.Response.ContentLength = 0;
    }
}
